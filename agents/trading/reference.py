"""The reference trading agents by name."""

from collections.abc import Mapping

from agents.trading.agent import TradingAgent
from agents.trading.correlation import Correlation
from agents.trading.momentum import Momentum
from agents.trading.risk import Risk

AGENTS: Mapping[str, type[TradingAgent]] = {"momentum": Momentum, "risk": Risk, "correlation": Correlation}

READY = "agent_ready"
"""The log line of an agent that can miss no signal from now on."""
