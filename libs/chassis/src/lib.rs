//! What every server needs: configuration, authentication, the method table, errors, health, telemetry, drain.
