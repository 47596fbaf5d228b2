//! Pages of claims.
