//! placeholder, replaced by the recognisers
