# %% [markdown]
# # A tour of the twin from Python
#
# Run the cells in a notebook or an editor, or the file as a script: `python docs/tour.py`. The first run
# compiles the engine, which takes a minute or two. [python.md](python.md) lists the functions.

# %% Load a scenario by its name. Every change of the command line is an argument; here, an earlier end.
import twin

scenario = twin.load("us-east-1-2025-10-20", until="+5h")

# %% Run it. In a notebook, a run shows its blast radius and a table of onsets.
run = twin.run(scenario)
print(run, run.impact(), sep="\n")

# %% Why did Lambda's invocations fail? The chain of causes, as records and as text.
chain = run.why("lambda-invoke", at="01:00")
print(chain)

# %% What if leases last a day? A number without a unit is in SI units: here, seconds.
long_leases = twin.run(scenario, set={"dwfm.lease_s": 86_400})
for change in long_leases.diff(run).services[:5]:
    print(change.service, f"{change.change_min:+.0f} minutes lost")

# %% Which mitigation helps, and how sure is that? Each world has its own noise and uncertain inputs.
comparison = twin.compare(scenario, mitigate=["compare-and-swap", "long-leases"], worlds=10, variants="none")
print(comparison.table())

# %% Plot the blast radius. Any question is SQL, and its answer an Arrow table.
radius = run.sql("select t, impaired from blast_radius order by t").to_pydict()
if __name__ == "__main__":
    import matplotlib.pyplot as plt

    plt.step(radius["t"], radius["impaired"])
    plt.ylabel("services impaired")
    plt.savefig("blast-radius.svg")
    comparison.to_html("comparison.html")
