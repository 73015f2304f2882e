//! Recorded answers, through reads.
