/* Planner, Enactors and clean-up of the DNS automation: three Enactors, two endpoints.
   PLANS, KEEP and CAS are given by -D. Each move is one step, as a change batch is.
   Run Spin with -o2: nothing reads the rollbacks, and it would forget them. */
#define IDLE  0
#define APPLY 1
#define CLEAN 2
#define HAS(p) ((trees >> (p)) & 1)

byte latest;
byte root[2], rollback[2];
short trees = 1;                /* plans whose records exist, a bit each */
byte where[3], plan[3], at[3];  /* of each Enactor: what it does, its plan, the next endpoint */

inline rest(e) { where[e] = IDLE; plan[e] = 0; at[e] = 0 }

#define WRITES(i, next, then) \
    :: d_step { where[e] == APPLY && at[e] == i && HAS(root[i]) -> \
        if \
        :: !HAS(plan[e]) || (CAS && plan[e] <= root[i]) -> rest(e) \
        :: else -> rollback[i] = root[i]; root[i] = plan[e]; at[e] = next; where[e] = then \
        fi }

proctype Enactor(byte e) {
end:
    do
    :: d_step { where[e] == IDLE && latest > root[0] && latest > root[1] ->
        plan[e] = latest; trees = trees | (1 << latest); where[e] = APPLY }
    WRITES(0, 1, APPLY)
    WRITES(1, 0, CLEAN)
    :: d_step { where[e] == CLEAN ->
        if :: plan[e] >= KEEP -> trees = trees & ~((1 << (plan[e] - KEEP + 1)) - 1) :: else fi;
        rest(e) }
    od
}

proctype Planner() {
end:
    do
    :: d_step { latest < PLANS -> latest++ }
    od
}

proctype Monitor() {            /* a process of its own: what follows an empty name is searched too */
end:
    do
    :: d_step { !HAS(root[0]) || !HAS(root[1]) -> assert(false) }
    od
}

init {
    atomic { run Monitor(); run Planner(); run Enactor(0); run Enactor(1); run Enactor(2) }
}
