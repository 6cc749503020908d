"""The kinds of instruments that a Colombian laboratory owns, with plausible metrology."""

from __future__ import annotations

from dataclasses import dataclass

MEASURING = "Equipo de Medición"
REFERENCE = "Equipo de Referencia"
AUXILIARY = "Equipo Auxiliar"


@dataclass(frozen=True, slots=True)
class Magnitude:
    """One thing that an instrument measures, and the points at which it is calibrated."""

    name: str
    unit: str
    points: tuple[float, ...]  # nominal values, in `unit`
    limit: float  # maximum permissible error, in `unit`
    relative: float = 0.0  # share of the nominal value that is added to `limit`
    decimals: int = 2  # of a reading

    def permissible(self, nominal: float) -> float:
        """Maximum permissible error at a nominal value, in `unit`."""
        return self.limit + self.relative * abs(nominal)


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of instrument. Texts are as a person typed them into SAM: decimal comma, unit after a space."""

    name: str
    role: str  # one of SAM's values of `tipo_equipo`
    picture: str  # which drawing of `pictures` shows it
    models: tuple[tuple[str, str], ...]  # brand, model
    measuring_range: str
    resolution: str
    maximum_error: str
    magnitudes: tuple[Magnitude, ...]
    months: tuple[int, int, int] = (12, 6, 3)  # between calibrations, maintenances, verifications


KINDS: tuple[Kind, ...] = (
    Kind(
        "Termohigrómetro",
        AUXILIARY,
        "meter",
        (("Testo", "608-H1"), ("Extech", "445815"), ("Vaisala", "HM40")),
        "-10 °C a 50 °C; 10 %HR a 95 %HR",
        "0,1 °C; 0,1 %HR",
        "± 0,5 °C; ± 3 %HR",
        (
            Magnitude("Temperatura", "°C", (15, 20, 25, 30, 40), 0.5, decimals=1),
            Magnitude("Humedad relativa", "%HR", (30, 45, 60, 75), 3, decimals=1),
        ),
    ),
    Kind(
        "Pie de rey digital",
        MEASURING,
        "caliper",
        (("Mitutoyo", "500-196-30"), ("Starrett", "EC799A-6/150"), ("Insize", "1108-150")),
        "0 mm a 150 mm",
        "0,01 mm",
        "± 0,03 mm",
        (Magnitude("Longitud", "mm", (0, 25, 50, 75, 100, 125, 150), 0.03),),
    ),
    Kind(
        "Manómetro de Bourdon",
        MEASURING,
        "dial",
        (("WIKA", "232.50"), ("Ashcroft", "1279"), ("Winters", "PFP")),
        "0 kPa a 1 000 kPa",
        "10 kPa",
        "± 1 % de la escala (± 10 kPa)",
        (Magnitude("Presión relativa", "kPa", (0, 200, 400, 600, 800, 1000), 10, decimals=1),),
    ),
    Kind(
        "Multímetro digital",
        MEASURING,
        "multimeter",
        (("Fluke", "87V"), ("Fluke", "179"), ("Keysight", "U1242C")),
        "0 V a 1 000 V DC; 0 Ω a 50 MΩ",
        "0,1 mV; 0,1 Ω",
        "± (0,05 % + 2 mV); ± (0,2 % + 0,2 Ω)",
        (
            Magnitude("Tensión continua", "V", (0.1, 1, 10, 100, 500), 0.002, 0.0005, 4),
            Magnitude("Resistencia", "Ω", (10, 100, 1000, 10000), 0.2, 0.002, 2),
        ),
    ),
    Kind(
        "Micrómetro de exteriores",
        MEASURING,
        "micrometer",
        (("Mitutoyo", "293-240-30"), ("Starrett", "795.1XFL-1"), ("Insize", "3109-25A")),
        "0 mm a 25 mm",
        "1 µm",
        "± 2 µm",
        (Magnitude("Longitud", "mm", (0, 5.1, 10.3, 15, 20.2, 25), 0.002, decimals=4),),
        (12, 6, 6),
    ),
    Kind(
        "Micropipeta monocanal",
        MEASURING,
        "pipette",
        (("Eppendorf", "Research plus"), ("Gilson", "Pipetman P1000"), ("Brand", "Transferpette S")),
        "100 µL a 1 000 µL",
        "1 µL",
        "± 8 µL",
        (Magnitude("Volumen", "µL", (100, 500, 1000), 8, decimals=1),),
        (6, 6, 3),
    ),
    Kind(
        "Cronómetro digital",
        MEASURING,
        "stopwatch",
        (("Casio", "HS-3V-1"), ("Traceable", "5004"), ("Extech", "365510")),
        "0 s a 36 000 s",
        "0,01 s",
        "± 0,1 s",
        (Magnitude("Tiempo", "s", (60, 300, 600, 1800, 3600), 0.1),),
        (24, 12, 6),
    ),
    Kind(
        "Balanza analítica",
        MEASURING,
        "balance",
        (("Mettler Toledo", "XSR204"), ("Ohaus", "AX224"), ("Sartorius", "Entris II 224")),
        "0 g a 220 g",
        "0,1 mg",
        "± 1 mg",
        (Magnitude("Masa", "g", (1, 10, 50, 100, 200), 0.001, decimals=5),),
    ),
    Kind(
        "Balanza de plataforma",
        MEASURING,
        "balance",
        (("Ohaus", "Ranger 3000"), ("Javar", "BJ-30"), ("Precia Molen", "i20")),
        "0,1 kg a 30 kg",
        "5 g",
        "± 15 g",
        (Magnitude("Masa", "kg", (0.5, 5, 10, 20, 30), 0.015, decimals=4),),
    ),
    Kind(
        "Termómetro digital con sonda Pt100",
        MEASURING,
        "meter",
        (("Fluke", "1524"), ("Hanna", "HI98509"), ("Testo", "720")),
        "-40 °C a 150 °C",
        "0,01 °C",
        "± 0,2 °C",
        (Magnitude("Temperatura", "°C", (-20, 0, 25, 60, 100, 140), 0.2, decimals=3),),
    ),
    Kind(
        "Juego de masas clase F1 (1 mg a 200 g)",
        REFERENCE,
        "weights",
        (("Mettler Toledo", "F1-200"), ("Häfner", "11119543"), ("Rice Lake", "12525")),
        "1 mg a 200 g",
        "No aplica",
        "OIML R 111 clase F1 (± 1,0 mg en 200 g)",
        (Magnitude("Masa convencional", "g", (1, 10, 50, 100, 200), 0.0001, 0.0000045, 6),),
        (24, 12, 6),
    ),
    Kind(
        "Medidor de pH de mesa",
        MEASURING,
        "meter",
        (("Hanna", "HI5221"), ("Mettler Toledo", "SevenCompact S220"), ("Ohaus", "AB33PH")),
        "pH 0 a pH 14",
        "0,01",
        "± 0,05",
        (Magnitude("pH", "pH", (4, 7, 10), 0.05, decimals=3),),
        (12, 6, 3),
    ),
    Kind(
        "Estufa de secado",
        AUXILIARY,
        "oven",
        (("Memmert", "UN55"), ("Binder", "ED 56"), ("Thermo Scientific", "Heratherm OGS60")),
        "Ambiente + 5 °C a 250 °C",
        "0,1 °C",
        "± 3 °C",
        (Magnitude("Temperatura", "°C", (60, 105, 180), 3, decimals=1),),
        (12, 6, 6),
    ),
    Kind(
        "Comparador de carátula",
        MEASURING,
        "dial",
        (("Mitutoyo", "2046A"), ("Käfer", "M2 T"), ("Starrett", "25-881J")),
        "0 mm a 10 mm",
        "0,01 mm",
        "± 15 µm",
        (Magnitude("Desplazamiento", "mm", (0, 2, 4, 6, 8, 10), 0.015, decimals=4),),
    ),
    Kind(
        "Torquímetro de trinquete",
        MEASURING,
        "wrench",
        (("Proto", "J6006C"), ("Snap-on", "QD3R250A"), ("Stahlwille", "730N/20")),
        "40 N·m a 200 N·m",
        "1 N·m",
        "± 4 % de la lectura",
        (Magnitude("Par torsional", "N·m", (40, 120, 200), 0, 0.04, 1),),
        (12, 12, 6),
    ),
)
