//! Processor time of this process and of others.

use std::time::Duration;

use anyhow::{Context, Result};
use nix::unistd::{SysconfVar, sysconf};

/// What this process has used until now.
pub(super) fn of_this() -> Result<Duration> {
    let seconds = kensho_models::cpu::seconds().context("cannot ask for processor time")?;
    Ok(Duration::from_secs_f64(seconds))
}

/// What these processes have used until now, together.
pub(super) fn of_all(processes: &[u32]) -> Result<Duration> {
    let ticks_per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    let mut ticks = 0;
    for process in processes {
        let path = format!("/proc/{process}/stat");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {path}: the process under load has ended"))?;
        ticks += used_ticks(&text).with_context(|| format!("{path} is not what it should be"))?;
    }
    Ok(Duration::from_secs_f64(
        ticks as f64 / ticks_per_second as f64,
    ))
}

/// Fields 14 and 15 of proc(5)'s stat. The second field may hold blanks and brackets.
fn used_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 100 0 0 0 250 75 0 0 20 0 3 0 9";
        assert_eq!(used_ticks(stat), Some(325));
        assert_eq!(used_ticks("42 (a"), None);
    }

    #[test]
    fn working_uses_time_and_the_dead_are_named() {
        let before = (of_this().unwrap(), of_all(&[std::process::id()]).unwrap());
        let mut state = 1_u64;
        while of_all(&[std::process::id()]).unwrap() <= before.1 {
            state = std::hint::black_box(state.wrapping_mul(6_364_136_223_846_793_005));
        }
        assert!(of_this().unwrap() > before.0);
        let error = of_all(&[u32::MAX]).unwrap_err().to_string();
        assert!(error.contains(&u32::MAX.to_string()), "{error}");
    }
}
