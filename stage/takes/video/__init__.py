"""Pictures in takes: copied as they came, or encoded here; see `stage.takes.video.lanes`."""
