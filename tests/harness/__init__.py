# SPDX-License-Identifier: Apache-2.0
"""What the tests share that see openvirt from outside: bundles, runtimes, leak checks, results."""
