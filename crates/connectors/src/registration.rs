//! How an application is registered with a provider, in words for whoever does it.

/// What has to be done at the provider before anybody can sign in, and what its refusals mean.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Where applications are registered.
    pub address: &'static str,
    /// What is done there, in order, a sentence or two each. Redirect address and scopes are shown beside them.
    pub steps: &'static [&'static str],
    /// When somebody else has to consent, and how.
    pub consent: &'static str,
    /// What the provider may say.
    pub refusals: &'static [RefusalAdvice],
}

/// A refusal of the provider, why it comes, and what to do.
#[derive(Debug, Clone)]
pub struct RefusalAdvice {
    /// A code in what the provider says, at the token endpoint or on its own page.
    pub code: &'static str,
    /// Why.
    pub cause: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

impl RefusalAdvice {
    pub(crate) const fn new(code: &'static str, cause: &'static str, remedy: &'static str) -> Self {
        RefusalAdvice { code, cause, remedy }
    }
}
