//! The read services over a World: decisions, resolution, admission.
