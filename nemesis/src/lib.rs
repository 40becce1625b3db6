//! What goes wrong: the catalogue of faults, schedules, and the means to apply them.
