package batcher

import (
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

// tableBounds are how much the tables of duplicates of a shard may hold. The zero value is
// not known.
type tableBounds struct {
	senders         int
	senderBytes     int64
	senderRetention time.Duration
	ids             int
	idWindow        time.Duration
}

func (d *dedupe) bounds() tableBounds {
	return tableBounds{
		senders: d.senders.most, senderBytes: d.senders.mostBytes, senderRetention: d.senders.retention,
		ids: d.ids.most, idWindow: d.ids.window,
	}
}

func (b tableBounds) known() bool { return b != tableBounds{} }

func (b tableBounds) proto() *journalv1.TableBounds {
	return &journalv1.TableBounds{
		Senders: uint64(b.senders), SenderBytes: uint64(b.senderBytes), SenderRetentionNanos: int64(b.senderRetention),
		Ids: uint64(b.ids), IdWindowNanos: int64(b.idWindow),
	}
}

func boundsOf(m *journalv1.TableBounds) tableBounds {
	return tableBounds{
		senders: int(m.GetSenders()), senderBytes: int64(m.GetSenderBytes()), senderRetention: time.Duration(m.GetSenderRetentionNanos()),
		ids: int(m.GetIds()), idWindow: time.Duration(m.GetIdWindowNanos()),
	}
}
