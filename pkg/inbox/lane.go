package inbox

import "google.golang.org/protobuf/encoding/protowire"

// aggregateField is the number of events.v1.Envelope.aggregate.
const aggregateField = 5

// aggregate reads the aggregate of a marshalled envelope without unmarshalling
// the rest; nil when there is none.
func aggregate(payload []byte) []byte {
	for len(payload) > 0 {
		number, kind, n := protowire.ConsumeTag(payload)
		if n < 0 {
			return nil
		}
		payload = payload[n:]
		if number == aggregateField && kind == protowire.BytesType {
			value, n := protowire.ConsumeBytes(payload)
			if n < 0 {
				return nil
			}
			return value
		}
		if n = protowire.ConsumeFieldValue(number, kind, payload); n < 0 {
			return nil
		}
		payload = payload[n:]
	}
	return nil
}
