//! How much processor time this program has used: what a figure should be divided by on a machine
//! that others use too.

/// Seconds of processor time, of all threads, with a resolution of a hundredth; `None` where the
/// system does not say.
#[must_use]
pub fn seconds() -> Option<f64> {
    // See proc_pid_stat(5): user and system time are the 14th and 15th field, in ticks of which
    // Linux shows 100 a second. The second field, in brackets, may hold spaces.
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / 100.0)
}
