//! Which register, and what to do to it.

use crate::generator::{Context, Generate, Generator, Next};
use crate::objects::{Names, Rotation};
use crate::operation::Operation;
use crate::workload::Settings;

/// Register `rN` is in container `register-M`.
pub(super) const NAMES: Names = Names {
    letter: 'r',
    container: "register",
};

/// The source of operations: reads, writes and compare-and-sets on a moving window of registers.
#[derive(Clone, Debug)]
pub(super) struct Operations {
    registers: Rotation,
}

impl Operations {
    pub(super) fn new(settings: Settings) -> Operations {
        Operations {
            registers: Rotation::new(settings),
        }
    }

    fn draw(&mut self) -> Operation {
        let register = NAMES.object(self.registers.turn());
        // Every value that is written is new.
        let value = self.registers.count();
        match self.registers.draw().u8(..20) {
            0..9 => Operation::new("read").on(register),
            9..15 => Operation::new("write").on(register).with(value),
            _ => Operation::new("cas").on(register).with(value),
        }
    }
}

impl Generate for Operations {
    fn next(&self, context: &Context) -> (Next, Generator) {
        if context.free().is_empty() {
            return (Next::Pending { until: None }, Generator::new(self.clone()));
        }
        let mut after = self.clone();
        let operation = after.draw();
        (context.schedule(operation), Generator::new(after))
    }
}
