from __future__ import annotations

from pathlib import Path

import pytest

from protocols.mqtt_broker import Broker, MqttFileError
from tests.mqtt_broker import Authority


def broker(**options: str) -> Broker:
    return Broker("127.0.0.1", 8883, "test", tls=True, **options)  # type: ignore[arg-type]


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense", encoding="utf-8")
    missing = str(tmp_path / "missing.pem")
    for ca_file in (str(nonsense), missing):
        with pytest.raises(MqttFileError, match=r"ca_file .*(nonsense|missing)\.pem: .*PEM"):
            broker(ca_file=ca_file).tls_context()
    for cert_file in (str(nonsense), missing):
        with pytest.raises(MqttFileError, match=r"cert_file .*\.pem and key_file .*nonsense\.pem: "):
            broker(cert_file=cert_file, key_file=str(nonsense)).tls_context()


def test_a_certificate_and_the_key_of_another(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert_file, key_file = authority.certify("one")
    _, other_key = authority.certify("two")
    broker(ca_file=authority.ca_file, cert_file=cert_file, key_file=key_file).tls_context()
    with pytest.raises(MqttFileError, match=r"(?i)mismatch"):
        broker(cert_file=cert_file, key_file=other_key).tls_context()


def test_reasons_say_what_to_do() -> None:
    one = broker()
    assert one.reason(OSError()) == "OSError"
    assert "refuses username" in one.reason(OSError("[code:135] Not authorized"))
    assert "TLS port" in one.reason(OSError("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"))
