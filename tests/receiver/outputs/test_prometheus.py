"""The text of /metrics, read by the official parser."""

from prometheus_client.parser import text_string_to_metric_families

from receiver.outputs._picture import Picture
from receiver.outputs.prometheus import metrics_text
from tests.receiver.outputs.records import EVENING

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    families = list(text_string_to_metric_families(text))
    assert all(family.documentation and family.type in ("counter", "gauge") for family in families)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_every_value_is_what_the_official_parser_reads() -> None:
    picture = Picture()
    for record in EVENING:
        picture.feed(record)
    found = samples(metrics_text(picture, status_age_s=1.5, dropped=7))
    only = (("charger", ""),)
    assert found == {
        ("evrds_blocks_total", (("result", "clean"),)): 384,
        ("evrds_blocks_total", (("result", "corrected"),)): 8,
        ("evrds_blocks_total", (("result", "rejected"),)): 8,
        ("evrds_groups_total", ()): 100,
        ("evrds_samples_total", ()): 2_048_000,
        ("evrds_samples_lost_total", ()): 4096,
        ("evrds_gaps_total", (("cause", "queue"),)): 2,
        ("evrds_gaps_total", (("cause", 'the "stick"\n'),)): 1,
        ("evrds_synchronised", ()): 1,
        ("evrds_level_dbfs", ()): -6.25,
        ("evrds_carrier_to_noise_db", ()): 31.5,
        ("evrds_pilot_deviation_hz", ()): 6750,
        ("evrds_rds_deviation_hz", ()): 2000,
        ("evrds_coherence", ()): 0.98,
        ("evrds_heartbeat_age_seconds", ()): 3.5,
        ("evrds_failsafe", ()): 0,
        ("evrds_status_age_seconds", ()): 1.5,
        ("evrds_messages_total", (("verdict", "accepted"),)): 2,
        ("evrds_messages_total", (("verdict", "bad signature"),)): 1,
        ("evrds_limit_amperes", only): 16,
        ("evrds_restricted", only): 1,
        ("evrds_charger_answers", only): 0,
        ("evrds_charger_error", only): 1,
        ("evrds_charger_alarms", only): 0,
        ("evrds_charger_limit_amperes", only): 16,
        ("evrds_charger_current_amperes", only): 15.5,
        ("evrds_charger_energy_wh_total", only): 1234,
        ("evrds_state_error", ()): 1,
        ("evrds_records_dropped_total", ()): 7,
    }


def test_before_anything_is_known() -> None:
    assert samples(metrics_text(Picture(), status_age_s=None, dropped=0)) == {
        ("evrds_state_error", ()): 0,
        ("evrds_records_dropped_total", ()): 0,
    }
