//! Pages against a scripted interface.
