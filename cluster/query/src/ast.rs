//! Conditions and statements as they are written.

/// An expression, and how many characters are before it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expression {
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    /// A column; among the arguments of some functions, a unit of time.
    Name(String),
    Not(Box<Expression>),
    /// At least two, which are evaluated in order until one decides.
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Xor(Box<Expression>, Box<Expression>),
    Compare(Comparison, Box<Expression>, Box<Expression>),
    IsNull(Box<Expression>),
    In(Box<Expression>, Vec<Expression>),
    /// Of what, from what, to what.
    Between(Box<Expression>, Box<Expression>, Box<Expression>),
    Like {
        text: Box<Expression>,
        pattern: Box<Expression>,
        escape: Option<Box<Expression>>,
    },
    Negate(Box<Expression>),
    Arithmetic(Operator, Box<Expression>, Box<Expression>),
    Call(String, Vec<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// `[EXPLAIN [ANALYZE]] SELECT … [FROM …] [WHERE …] [ORDER BY …] [LIMIT … [OFFSET …]]`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statement {
    /// Where the word stands, and whether `ANALYZE` follows it.
    pub(crate) explain: Option<(usize, bool)>,
    pub(crate) selection: Selection,
    pub(crate) from: Option<Named>,
    pub(crate) condition: Option<Expression>,
    pub(crate) order: Vec<Sort>,
    pub(crate) limit: Option<u64>,
    pub(crate) offset: u64,
}

/// What follows `SELECT`: `*`, or a function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Selection {
    All,
    Call {
        function: Named,
        arguments: Vec<Argument>,
    },
}

/// An argument of a function after `SELECT`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Argument {
    All(usize),
    Expression(Expression),
}

/// A name, and how many characters are before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) at: usize,
    pub(crate) name: String,
}

/// A column by which rows are sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) column: Named,
    pub(crate) descending: bool,
}

impl Comparison {
    /// The comparison with both sides exchanged.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            same => same,
        }
    }

    /// Whether it holds of two values that compare like this.
    pub(crate) fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Comparison::Equal => ordering.is_eq(),
            Comparison::NotEqual => ordering.is_ne(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
        }
    }
}
