//! What the optimisers promise, on functions small enough to follow.
