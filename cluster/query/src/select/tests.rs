use super::*;
use crate::types::ColumnType;
use crate::wrong::Code;

fn columns() -> Vec<Column> {
    let column = |(name, kind): (&str, &str)| Column {
        name: name.to_owned(),
        kind: ColumnType::parse(kind).unwrap(),
        nullable: true,
        indexes: Vec::new(),
    };
    let columns = [
        ("time", "TIMESTAMP"),
        ("value", "DOUBLE"),
        ("text", "STRING"),
    ];
    columns.into_iter().map(column).collect()
}

fn select(text: &str, is_time_series: bool) -> Result<Select, Wrong> {
    let container = Container {
        name: "Sensor",
        columns: &columns(),
        is_time_series,
        now: 1000,
    };
    Select::parse(text, &container)
}

#[test]
fn statements_say_what_is_made_of_which_rows() {
    let parsed = select(
        "select * from sensor where value > 1 order by value desc limit 5 offset 2",
        false,
    )
    .unwrap();
    assert_eq!(parsed.what, What::Rows);
    assert_eq!(
        (parsed.limit, parsed.offset, parsed.explain),
        (Some(5), 2, None)
    );
    assert!(parsed.order[0].descending && !parsed.condition.is_always());
    let what = |text: &str| select(text, true).unwrap().what;
    assert_eq!(
        what("select count(*)"),
        What::Aggregate(Aggregate::Count, None)
    );
    assert_eq!(
        what("SELECT MAX(Value)"),
        What::Aggregate(Aggregate::Max, Some(1))
    );
    assert_eq!(
        what("select time_avg(value)"),
        What::Aggregate(Aggregate::TimeAvg, Some(1))
    );
    let near = Near {
        after: true,
        or_at: false,
    };
    assert_eq!(
        what("select time_next_only(*, TIMESTAMP('1970-01-01T00:00:02Z'))"),
        What::Near(near, 2000)
    );
    assert_eq!(
        what("select time_interpolated(value, now())"),
        What::Interpolated {
            column: 1,
            time: 1000
        }
    );
    let Sampling {
        column,
        from,
        to,
        step,
    } = Sampling {
        column: Some(1),
        from: 1000,
        to: 61_000,
        step: 30_000,
    };
    let sampling = Sampling {
        column,
        from,
        to,
        step,
    };
    assert_eq!(
        what("select time_sampling(value, now(), timestampadd(minute, now(), 1), 30, second)"),
        What::Sampling(sampling)
    );
    assert_eq!(sampling.times().collect::<Vec<_>>(), [1000, 31_000, 61_000]);
    assert_eq!(
        what("select min_rows(time)"),
        What::Extreme {
            greatest: false,
            column: 0
        }
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, code, at, complaint) in [
        (
            "select * from other",
            Code::Name,
            14,
            "for container Sensor",
        ),
        ("select sum(text)", Code::Type, 11, "column text is STRING"),
        ("select max(text)", Code::Type, 11, "numbers and times"),
        ("select count(value)", Code::Type, 13, "is *"),
        ("select max(*)", Code::Type, 11, "a column, not *"),
        ("select max(1)", Code::Type, 11, "a column, not 1"),
        (
            "select max(value, text)",
            Code::Type,
            7,
            "1 argument, not 2",
        ),
        ("select median(value)", Code::Name, 7, "no function MEDIAN"),
        ("select time_next(*, 'now')", Code::Type, 20, "TIMESTAMP('"),
        ("select time_next(value, now())", Code::Type, 17, "is *"),
        (
            "select time_sampling(*, now(), now(), 0, hour)",
            Code::Type,
            38,
            "above 0",
        ),
        (
            "select time_sampling(*, now(), now(), 1, month)",
            Code::Type,
            41,
            "DAY, HOUR",
        ),
        (
            "select time_sampling(text, now(), now(), 1, day)",
            Code::Type,
            21,
            "of numbers",
        ),
        (
            "select * where nothing = 1",
            Code::Name,
            15,
            "no column nothing",
        ),
        (
            "select * order by nothing",
            Code::Name,
            18,
            "no column nothing",
        ),
    ] {
        let wrong = select(text, true).unwrap_err();
        assert_eq!((wrong.code, wrong.at), (code, at), "{text}: {wrong}");
        assert!(wrong.to_string().contains(complaint), "{text}: {wrong}");
    }
    let wrong = select("select time_avg(value)", false).unwrap_err();
    assert!(wrong.to_string().contains("for time series"), "{wrong}");
    let many = "select time_sampling(*, to_timestamp_ms(0), now(), 1, millisecond)";
    assert!(select(many, true).is_ok());
    let too_many =
        "select time_sampling(*, to_timestamp_ms(0), timestamp('1971-01-01T00:00:00Z'), 1, second)";
    assert!(
        select(too_many, true)
            .unwrap_err()
            .to_string()
            .contains("more than")
    );
}
