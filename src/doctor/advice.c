/* advice.c - what to do about each cause.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/finding.h"

static const char *const advice[ANM_CAUSE_COUNT] = {
    [ANM_CAUSE_COLD_START] =
        "Keep one process resident (the library, serve, or embed --jsonl -) "
        "and warm it up before its first query; one-shot commands pay this "
        "every time.",
    [ANM_CAUSE_FIRST_IN_BUCKET] =
        "Announce the lengths that queries have (--buckets), so that warm-up "
        "has been there before them.",
    [ANM_CAUSE_NEW_THREAD] =
        "Ask from threads that live on; a pool of a few is enough, since one "
        "call computes at a time.",
    [ANM_CAUSE_IDLE_WAKEUP] =
        "Turn on --keep-warm with a period below the gaps that cost, or keep "
        "the machine from deep sleep states while queries are expected.",
    [ANM_CAUSE_QUEUEING] =
        "Mark what nobody waits for as bulk, so that live queries overtake "
        "it; ask less at once; or open a second model on other CPUs.",
    [ANM_CAUSE_CPU_CONTENTION] =
        "Other processes take the CPUs: move them away, give this process "
        "CPUs of its own, or fewer --threads than CPUs. Check that it does "
        "not run with a lower priority than they do.",
    [ANM_CAUSE_THROTTLED_QUOTA] =
        "Raise the CPU quota of the cgroup (cpu.max) or lower --threads to "
        "what it allows: threads spend a quota together and then all wait.",
    [ANM_CAUSE_PAGING] =
        "The weights do not stay in memory: free memory, raise the cgroup's "
        "limit, use a smaller precision, or a smaller model.",
    [ANM_CAUSE_MEMORY_PRESSURE] =
        "The system reclaims memory while queries run: find what fills it, "
        "raise the cgroup's limit, or use a smaller precision.",
    [ANM_CAUSE_FREQUENCY] =
        "The CPU runs slower than at warm-up: look at governor, power source "
        "and temperature, and at what else computes.",
    [ANM_CAUSE_HOST_SLOWER] =
        "The same work takes this machine longer than at warm-up, without a "
        "lower frequency to show: other tenants of the host, or a throttled "
        "virtual machine. Compare at another hour or on another host.",
    [ANM_CAUSE_THERMAL_DRIFT] =
        "Latency rises steadily while it is asked: look at temperature and "
        "power limits, or at what grows in this process.",
    [ANM_CAUSE_DEVICE_BUSY] =
        "The device serves others before this call: find what uses it, or "
        "permit another one with --units.",
    [ANM_CAUSE_LONGER_INPUT] =
        "These texts are longer than those of warm-up: cut them with "
        "--max-tokens, or expect their price.",
    [ANM_CAUSE_INPUT_CHANGED] =
        "These calls had other ids than those before: compare the texts and "
        "prompts that enter (embed --ids, --log debug).",
    [ANM_CAUSE_UNITS_NOT_HONOURED] =
        "It ran on a device that --units exclude: report it with a bundle of "
        "this report; until then require the device (--require), so that a "
        "start without it fails.",
    [ANM_CAUSE_FALLBACK_LOAD] =
        "It was loaded on the fallback that --allow-fallback permits: look at "
        "the reason in contract.reason, or take the permission back.",
    [ANM_CAUSE_SLOWER_DEVICE_BY_PLAN] =
        "It is planned on another device than when its band was measured: "
        "compare `anemone plan` with the plan of that day, and require the "
        "device that is meant (--require).",
    [ANM_CAUSE_STALE_ARTIFACT] =
        "The prepared model was not the one of before: see who writes to or "
        "clears the cache folder, and run `anemone cache verify`.",
    [ANM_CAUSE_OVERHEAD_OUTSIDE_PREDICT] =
        "The time goes outside the prediction: look at the stages of such a "
        "receipt; tokenize, bind and post each have their own.",
    [ANM_CAUSE_BAND_MOVED] =
        "This machine is slower than when the band was measured, all the "
        "time: look at what changed since; if it stays, measure bands again.",
    [ANM_CAUSE_EVIDENCE_CONFLICT] =
        "Two sources name different devices for the same call: trust neither, "
        "and compare with `anemone plan` and the system's own tools.",
    [ANM_CAUSE_UNKNOWN] =
        "No counter explains these calls. Keep receipts (--receipt-log), note "
        "what the machine does at that time, and run doctor while it lasts.",
};

const char *anm_cause_advice(anm_cause cause)
{
    return advice[cause] ? advice[cause] : "";
}
