//! The suites of the ports, at once and with threads.

mod at_once {
    mod store {
        conformance::store_suite!(crate::fixtures::store_at_once);
    }
    mod accounts {
        conformance::accounts_suite!(crate::fixtures::accounts_at_once);
    }
    mod vault {
        conformance::vault_suite!(crate::fixtures::vault_at_once);
    }
    mod queue {
        conformance::queue_suite!(crate::fixtures::queue_at_once);
    }
}

mod with_threads {
    mod store {
        conformance::store_suite!(crate::fixtures::store_with_threads);
    }
    mod accounts {
        conformance::accounts_suite!(crate::fixtures::accounts_with_threads);
    }
    mod vault {
        conformance::vault_suite!(crate::fixtures::vault_with_threads);
    }
    mod queue {
        conformance::queue_suite!(crate::fixtures::queue_with_threads);
    }
}
