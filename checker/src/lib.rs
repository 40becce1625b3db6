//! Histories in, verdicts out.
//!
//! This crate knows nothing of any database: it reads what clients asked and what they were told,
//! and judges it. A verdict is *valid*, with an order that explains every result; *invalid*, with a
//! named anomaly and the few operations that prove it; or *unknown*, with the reason.
//!
//! | to | use |
//! | --- | --- |
//! | read a history, ours or Jepsen's | [`history`], [`formats`] |
//! | judge it by the name of a model | [`judge`] |
//! | judge registers, a million operations in a second | [`register`] |
//! | judge any object with a sequential model of your own | [`linearizable`], [`search::Model`] |
//! | judge transactions, as Elle does | [`transactions`] |
//! | judge sets, banks, counters, queues, … | [`checks`] |
//! | show what was found, as text or as a page with pictures | [`explain`] |
//! | have all of this as a command | [`command`] |
//! | make histories for tests and measurements | [`generate`] |
//!
//! Verdicts are proven: engines are tested against oracles that try every order, each witness is
//! validated before *valid* is said, and each sub-history that is shown is itself invalid.
//!
//! # For those who record histories
//!
//! Write unique values: then registers are judged without search. Let a failed compare-and-set say
//! what it saw: then it counts as a read. Never use a process again after an unknown outcome. Keep
//! the order of events, not only their times.
//!
//! ```
//! use kensho_checker::formats::{self, Format};
//! use kensho_checker::judge::{Settings, judge, models};
//!
//! let text = b"{:process 0 :type :invoke :f :write :value 1}
//!              {:process 0 :type :ok     :f :write :value 1}
//!              {:process 1 :type :invoke :f :read  :value nil}
//!              {:process 1 :type :ok     :f :read  :value 7}";
//! let history = formats::read(text, Format::detect(text)).unwrap();
//! let report = judge(&history, &models::REGISTER, &Settings::default());
//! assert_eq!(report.anomalies()[0].name.as_str(), "phantom read");
//! println!("{}", kensho_checker::explain::text(&report));
//! ```

pub mod anomaly;
pub mod budget;
pub mod checks;
pub mod command;
pub mod explain;
pub mod formats;
pub mod generate;
mod hash;
pub mod history;
pub mod judge;
mod keys;
pub mod linearizable;
pub mod number;
pub mod register;
pub mod report;
pub mod search;
pub mod transactions;
mod unique;
pub mod value;
