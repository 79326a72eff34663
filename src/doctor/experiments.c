/* experiments.c - the one table of experiments. A new one is a row here and a
 * function declared in experiment.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/experiment.h"

/* In the order of running: what imposes most comes late, and what only looks
 * at the calls of the others comes last. */
const anm_experiment anm_experiments[] = {
    { "cached_handle", 1,
      "Is the handle that is kept slower than a fresh load of the same "
      "configuration?",
      ANM_CAUSE_UNITS_NOT_HONOURED, 0.16, anm_experiment_cached_handle },
    { "plan", 1,
      "Do plan, units or device differ between loads of the same "
      "configuration?",
      ANM_CAUSE_SLOWER_DEVICE_BY_PLAN, 0, anm_experiment_plan },
    { "artifact", 1,
      "What does a prepared model that is not found cost a load?",
      ANM_CAUSE_STALE_ARTIFACT, 0.10, anm_experiment_artifact },
    { "load", 3, "Is the first prediction after a load slower than later ones?",
      ANM_CAUSE_COLD_START, 0, anm_experiment_load },
    { "fresh_process", 3,
      "Is a process of its own slower than this one once it is warm?",
      ANM_CAUSE_COLD_START, 0.10, anm_experiment_fresh_process },
    { "new_thread", 2, "Is a query slower on a thread that never asked before?",
      ANM_CAUSE_NEW_THREAD, 0.06, anm_experiment_new_thread },
    { "pinning", 0, "Does it matter whether the caller stays on one CPU?",
      ANM_CAUSE_NONE, 0.06, anm_experiment_pinning },
    { "padding", 4,
      "Does another form of the same input, or padding, cost time?",
      ANM_CAUSE_INPUT_CHANGED, 0.06, anm_experiment_padding },
    { "longer", 4, "What do longer texts cost?", ANM_CAUSE_LONGER_INPUT, 0.06,
      anm_experiment_longer },
    { "input", 4, "Do live queries enter the model as other ids than expected?",
      ANM_CAUSE_INPUT_CHANGED, 0, anm_experiment_input },
    { "idle", 0, "What does a pause before a query cost?",
      ANM_CAUSE_IDLE_WAKEUP, 0.40, anm_experiment_idle },
    { "threads", 0, "What do more threads gain?", ANM_CAUSE_NONE, 0.06,
      anm_experiment_threads },
    { "units", 0, "What do other units cost?", ANM_CAUSE_SLOWER_DEVICE_BY_PLAN,
      0.06, anm_experiment_units },
    { "precision", 0, "What does another precision cost?", ANM_CAUSE_NONE, 0.06,
      anm_experiment_precision },
    { "residency", 0,
      "What does it cost when pages of the weights were let go "
      "of?",
      ANM_CAUSE_PAGING, 0.06, anm_experiment_residency },
    { "balloon", 0, "What does it cost when memory runs short?",
      ANM_CAUSE_MEMORY_PRESSURE, 0, anm_experiment_balloon },
    { "callers", 2, "What do other callers of the same model cost?",
      ANM_CAUSE_QUEUEING, 0.06, anm_experiment_callers },
    { "neighbours", 2, "What do busy neighbours on the machine cost?",
      ANM_CAUSE_CPU_CONTENTION, 0.06, anm_experiment_neighbours },
    { "background", 2,
      "What does a background priority cost where others compete?",
      ANM_CAUSE_CPU_CONTENTION, 0.10, anm_experiment_background },
    { "quota", 0, "What does the CPU quota of the cgroup cost?",
      ANM_CAUSE_THROTTLED_QUOTA, 0, anm_experiment_quota },
    { "frequency", 0, "What does a lower CPU frequency cost?",
      ANM_CAUSE_FREQUENCY, 0, anm_experiment_frequency },
    { "overhead", 0, "How much of a query lies outside the prediction?",
      ANM_CAUSE_OVERHEAD_OUTSIDE_PREDICT, 0, anm_experiment_overhead },
    { "drift", 0, "Does latency rise over the run?", ANM_CAUSE_THERMAL_DRIFT, 0,
      anm_experiment_drift },
    { 0 },
};
