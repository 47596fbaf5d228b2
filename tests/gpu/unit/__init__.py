"""Tests of the harness, which need neither a GPU nor torch: `python3 -m unittest discover -s unit -t .`"""
