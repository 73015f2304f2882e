//! What something costs, by how many there are, and how fast that grows.

/// What grows with what: what is above it grows faster than its cause. A tenth is noise.
const EXPONENT_MAX: f64 = 1.1;

/// Cost by count.
pub(crate) struct Curve {
    pub(crate) what: &'static str,
    /// What is counted.
    pub(crate) of: &'static str,
    pub(crate) unit: &'static str,
    /// Counts in order, with what they cost in all.
    pub(crate) points: Vec<(usize, f64)>,
    /// So many were given up.
    pub(crate) given_up: Option<usize>,
}

impl Curve {
    pub(crate) fn new(
        what: &'static str,
        of: &'static str,
        unit: &'static str,
        points: Vec<(usize, f64)>,
    ) -> Self {
        Curve { what, of, unit, points, given_up: None }
    }

    /// Of the last two points: where it is steepest, if it bends up. What is fixed hides growth among the first.
    pub(crate) fn exponent(&self) -> f64 {
        match self.points.as_slice() {
            [.., (before, less), (after, more)] if *less > 0.0 => {
                (more / less).ln() / (*after as f64 / *before as f64).ln()
            }
            _ => f64::NAN,
        }
    }

    pub(crate) fn exponent_max(&self) -> f64 {
        EXPONENT_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_is_that_of_the_last_step() {
        let of = |points: &[(usize, f64)]| Curve::new("polls", "changes", "ms", points.to_vec()).exponent();
        assert!((of(&[(10, 7.0), (100, 10.0), (1_000, 100.0)]) - 1.0).abs() < 1e-9);
        assert!((of(&[(10, 1.0), (100, 100.0)]) - 2.0).abs() < 1e-9);
        assert!(of(&[(10, 1.0)]).is_nan());
    }
}
