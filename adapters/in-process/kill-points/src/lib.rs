//! Where a test may have a server end in the middle of its work, as `kill -9` ends it: at the point and the time that
//! `KILL_AT` names, such as `after charge:3`. In development builds alone; what is released knows nothing of it.

/// On which side of what is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Nothing of it is done.
    Before,
    /// It is done, and nobody has heard of it.
    After,
}

/// Passes a point of the server's work, unless a test has it end here.
pub fn pass(side: Side, step: &str) {
    #[cfg(debug_assertions)]
    armed::pass(side, step);
    #[cfg(not(debug_assertions))]
    let _ = (side, step);
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::Side;

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        #[expect(clippy::disallowed_methods, reason = "no setting of the server: a test's own")]
        let at = std::env::var("KILL_AT").ok()?;
        read(&at)
    });

    struct Armed {
        side: Side,
        step: String,
        left: AtomicU32,
    }

    fn read(at: &str) -> Option<Armed> {
        let (point, times) = at.rsplit_once(':')?;
        let (side, step) = point.split_once(' ')?;
        let side = match side {
            "before" => Side::Before,
            "after" => Side::After,
            _ => return None,
        };
        let left = AtomicU32::new(times.parse().ok()?);
        Some(Armed { side, step: step.to_owned(), left })
    }

    pub(super) fn pass(side: Side, step: &str) {
        let Some(armed) = &*ARMED else { return };
        let is_it = armed.side == side && armed.step == step;
        if is_it && armed.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // Nothing is unwound and nothing is flushed.
            std::process::abort();
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_point_has_a_side_a_step_and_a_number() {
            let armed = read("after charge:3").expect("a point");
            assert_eq!((armed.side, armed.step.as_str()), (Side::After, "charge"));
            assert_eq!(armed.left.into_inner(), 3);
            for nonsense in ["", "charge:1", "beside charge:1", "after charge", "after charge:x"] {
                assert!(read(nonsense).is_none(), "{nonsense}");
            }
        }
    }
}
