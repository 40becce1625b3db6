//! A budgeted sample of runs; the example `cluster` runs more.
