"""What nvidia-smi says about GPUs, from the XML of `nvidia-smi -q -x`."""

import xml.etree.ElementTree as ElementTree

ABSENT = ("N/A", "[N/A]", "Not Supported", "Unknown Error", "")


class Gpu:
    """One GPU of the answer. Values are looked up by the path of their element, from any depth of its end."""

    def __init__(self, element):
        self.element = element

    def text(self, *paths):
        """The first of these that is there and says something; drivers move and rename elements."""
        for path in paths:
            for found in self.element.findall(path):
                text = (found.text or "").strip()
                if text not in ABSENT:
                    return text
        return None

    def number(self, *paths):
        """The number at the beginning of `61 C`, `1980 MHz`, `16x`."""
        text = self.text(*paths)
        if text is None:
            return None
        digits = text.split()[0].rstrip("x")
        try:
            return float(digits)
        except ValueError:
            return None

    def flag(self, *paths):
        """`Yes`, `Enabled` and `Active` are true."""
        text = self.text(*paths)
        return None if text is None else text in ("Yes", "Enabled", "Active")

    def bus(self):
        """`0000:9b:00.0`, as the kernel writes it."""
        domain, rest = self.element.get("id", "").lower().split(":", 1)
        return f"{domain[-4:]}:{rest}"


class Answer:
    """The whole answer."""

    def __init__(self, text):
        root = ElementTree.fromstring(text)
        self.driver = (root.findtext("driver_version") or "").strip()
        self.gpus = [Gpu(element) for element in root.findall("gpu")]
