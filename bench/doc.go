// Command bench measures the service as it is run: a process of its own with its
// defaults, its journal synced on a real disk, its objects in a real S3 server under
// the bucket policy that it prints. Every run reads all objects back: unless each
// event that was acknowledged is there exactly once, byte for byte and under its
// destination's prefix, and each other one at most once, it fails.
//
// Usage, from anywhere in the checkout:
//
//	go run ./bench [ingest] [--destinations 1,10000] [--duration 90s] [--rate 0] [--window 30s] [--even] [--flush=false] [--profile FOLDER]
//	go run ./bench bad [--duration 2m] [--rate 20000]
//	go run ./bench expired [--duration 1m] [--rate 10000]
//	go run ./bench overload [--duration 1m] [--rate 20]
//	go run ./bench status [--duration 40s] [--rate 0] [--rounds 3]
//	go run ./bench backlog [--mib 5120]
//	go run ./bench auth [--rounds 5] [the flags of ingest]
//	go run ./bench tenants [--duration 30s]
//	go run ./bench clients [--languages go,node] [--duration 10s]
//
// Each run prints one line of JSON on standard output, and nothing else goes there;
// progress, the machine and what is worth knowing beside go to standard error. What
// the fields mean stands beside result, badResult, expiredResult, overloadResult,
// statusResult, backlogResult, authResult, tenantsResult and clientResult. Exit codes: 0 all runs are true, and in their bounds if they have any;
// 1 one is not, and those behind it were not begun; 2 the command line was not
// understood.
//
// ingest sends 400-byte JSON events (gzip ratio about 5), 100 a request, over 8
// StreamS3 streams, each with a connection of its own and 32 requests outstanding, and
// draws each event's destination at random; --rate paces it, in events a second. Then
// it flushes, waits for the last object, and reads. There is a run for each number of
// destinations. With --profile the service is built with the tag "profile", and its
// CPU, allocation and block profiles of each run go to FOLDER/DESTINATIONS/. Profiling
// costs something, so the line says "profile" instead of "ingest".
//
// The others break something, through proxies in front of the service and of S3; they
// and their clients use the CPU that the service has too.
//
// bad sends to 1,000 destinations, twice: with a sound S3, and with one that refuses
// 17 of them (403 AccessDenied), fails 17 of them (503) and does not answer for 16. What
// the other 950 feel of it is bounded.
//
// expired sends to 1,000 destinations while S3 answers that the credentials have
// expired, half of the events twice; then S3 takes them again. The journal may be read
// twice at most for it: once when the events come, and once to catch up.
//
// overload sends from 200 streams while S3 is held to a tenth of what they offer, and
// the service to a small quota and memory. Every refusal must say why and when to come
// back.
//
// status sends to 100 destinations, in turn with and without 100 GetDelivery a second and 50
// watchers of everything, and says what CPU the service used for a GB in both.
//
// backlog fills the journal while S3 is away, kills the service, and starts it when S3
// is back: within 2 s it must serve, and deliver at 150 MB/s.
//
// auth runs ingest again and again, without authentication and with tokens and grants in
// turns, for the first number of destinations, and compares the CPU of the two: at most 3 %
// may it be.
//
// tenants sends as a tenant at a tenth of its rate, alone and beside one that offers 50
// times its own, and says what the first feels of it.
//
// clients runs ingest for one destination, and then lets one process of each client send
// the same events to the same service, as fast as it goes, one call an event, with the
// promise of each event awaited. There is a line for each client.
//
// Everything lies in the folder .bench at the root of the checkout, which is not in
// git; it has to be on a disk, and needs about 0.6 GB for each million events. A
// run removes what it wrote, unless it failed. It needs Linux: what a process uses
// stands in /proc.
package main
