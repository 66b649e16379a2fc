//! The agentmap service.
