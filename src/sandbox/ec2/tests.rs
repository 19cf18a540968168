//! Tests of EC2 through the real client.
