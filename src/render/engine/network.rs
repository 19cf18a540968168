//! `cidrsubnet`: cuts a network into equal parts, as Terraform's function of that name does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// The part `number` (from 0) of `network` cut into 2^`bits` equal parts: `10.0.0.0/16`, 4, 2 gives `10.0.32.0/20`.
pub(super) fn subnet(network: &str, bits: u8, number: u32) -> Result<String, String> {
    let parsed: IpNet = network
        .trim()
        .parse()
        .map_err(|_| format!("{network:?} is not a network in CIDR notation, such as 10.0.0.0/16"))?;
    let length = parsed.prefix_len().checked_add(bits).filter(|&length| length <= parsed.max_prefix_len());
    let Some(length) = length else {
        return Err(format!("{network} has no room for {bits} more bits"));
    };
    if bits < 32 && u64::from(number) >= 1_u64 << bits {
        return Err(format!("{bits} bits give {} networks, so there is no number {number}", 1_u64 << bits));
    }
    let shift = u32::from(parsed.max_prefix_len() - length);
    let address = match parsed.network() {
        IpAddr::V4(base) => {
            let offset = u32::try_from(u64::from(number) << shift).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(base) | offset))
        }
        IpAddr::V6(base) => {
            IpAddr::V6(Ipv6Addr::from(u128::from(base) | u128::from(number).checked_shl(shift).unwrap_or(0)))
        }
    };
    Ok(format!("{address}/{length}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_cut_into_equal_parts() {
        for (network, bits, number, expected) in [
            ("10.0.0.0/16", 4, 2, "10.0.32.0/20"),
            ("172.20.0.0/16", 8, 255, "172.20.255.0/24"),
            ("10.0.3.7/16", 0, 0, "10.0.0.0/16"),
            ("0.0.0.0/0", 32, u32::MAX, "255.255.255.255/32"),
            ("fd00:fd12:3456:7890::/56", 16, 162, "fd00:fd12:3456:7800:a200::/72"),
            ("::/0", 128, 1, "::1/128"),
            ("::/0", 1, 1, "8000::/1"),
        ] {
            assert_eq!(subnet(network, bits, number).as_deref(), Ok(expected), "{network} {bits} {number}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(subnet("10.0.0.0/30", 3, 0), Err(String::from("10.0.0.0/30 has no room for 3 more bits")));
        assert_eq!(subnet("10.0.0.0/8", 255, 0), Err(String::from("10.0.0.0/8 has no room for 255 more bits")));
        assert_eq!(subnet("10.0.0.0/16", 2, 4), Err(String::from("2 bits give 4 networks, so there is no number 4")));
        assert!(subnet("10.0.0.0", 2, 1).is_err());
    }
}
