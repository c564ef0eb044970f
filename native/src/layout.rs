//! placeholder, replaced by the layout splitter
