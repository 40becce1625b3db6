// What pages of runs do beyond links and forms: the list follows what is typed and what happens,
// and a run that goes on is drawn as it goes. Without this script everything can still be read.
"use strict";

document.documentElement.classList.add("scripted");

/** Whole numbers with their thousands apart. */
const thousands = number => Math.round(number).toLocaleString("en-US");

/** The list: asks for itself again when the filter or the runs change. */
function list(form, runs) {
  let waiting = 0;
  let asked = 0;
  const link = () => {
    const query = new URLSearchParams(new FormData(form));
    for (const name of ["q", "verdict"]) if (!query.get(name)) query.delete(name);
    return "/?" + query;
  };
  const ticked = () => [...runs.querySelectorAll("input:checked")].map(input => input.value);
  const tell = () => {
    const button = document.getElementById("compare");
    if (button) button.disabled = ticked().length !== 2;
  };
  async function refresh() {
    const turn = ++asked;
    const kept = new Set(ticked());
    const response = await fetch(link());
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById("runs");
    // An answer that was overtaken by a later question is not shown.
    if (turn !== asked || !fresh) return;
    runs.dataset.mark = fresh.dataset.mark;
    runs.replaceChildren(...fresh.childNodes);
    for (const input of runs.querySelectorAll("input[type=checkbox]")) input.checked = kept.has(input.value);
    const select = form.elements.verdict;
    for (const option of page.querySelectorAll("#filter option")) {
      const old = [...select.options].find(known => known.value === option.value);
      if (old) old.textContent = option.textContent;
    }
    tell();
  }
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { history.replaceState(null, "", link()); refresh(); }, 150);
  };
  form.addEventListener("input", soon);
  form.addEventListener("submit", event => { event.preventDefault(); soon(); });
  runs.addEventListener("change", tell);
  tell();

  const before = new Map();
  const events = new EventSource("/live");
  events.addEventListener("runs", event => {
    if (JSON.parse(event.data).mark !== runs.dataset.mark) refresh();
  });
  events.addEventListener("progress", event => {
    const { path, words, progress } = JSON.parse(event.data);
    const row = [...runs.querySelectorAll("tr")].find(row => row.dataset.path === path);
    const cell = row && row.querySelector(".progress");
    if (!cell) return;
    const old = before.get(path);
    before.set(path, progress);
    const parts = [words];
    if (progress.stage === "main") {
      const of = progress.length_ms ? " of " + Math.round(progress.length_ms / 1000) : "";
      parts.push(Math.floor(progress.stage_ms / 1000) + of + " s");
      const ms = old ? progress.elapsed_ms - old.elapsed_ms : 0;
      if (ms > 0) parts.push(thousands((progress.answered - old.answered) * 1000 / ms) + " answers/s");
      parts.push(progress.fault || "no fault now");
    }
    cell.textContent = parts.join(" · ");
  });
}

/** One run that goes on. */
function live(section) {
  const place = {};
  for (const element of section.querySelectorAll("[data-live]")) place[element.dataset.live] = element;
  const points = [];
  const bands = [];
  let last = null;
  const stages = {
    starting: "starting", main: "under faults", final: "reading all", judging: "judging", ended: "ended", failed: "given up",
  };
  const draw = () => {
    const end = Math.max(last.length_ms || 0, points.length ? points[points.length - 1][0] : 0, 1000);
    const top = 1.08 * Math.max(1, ...points.map(point => point[1]));
    const x = ms => (1000 * ms / end).toFixed(1);
    const y = rate => (180 - 180 * rate / top).toFixed(1);
    const shades = bands.map(([from, to]) =>
      `<rect class="band" x="${x(from)}" y="0" width="${Math.max(1, x(to) - x(from))}" height="180"></rect>`);
    const line = points.map(([ms, rate], place) => `${place ? "L" : "M"}${x(ms)},${y(rate)}`).join("");
    const area = points.length ? `${line}L${x(points[points.length - 1][0])},180L${x(points[0][0])},180Z` : "";
    const highest = thousands(Math.max(0, ...points.map(point => point[1])));
    place.scale.textContent = `Answers per second, at most ${highest}, over ${Math.round(end / 1000)} s; faults are shaded.`;
    place.chart.innerHTML = `${shades.join("")}<path class="area" d="${area}"></path><path class="line" d="${line}"></path>`;
  };
  const add = now => {
    if (now.stage === "main") {
      if (last && last.stage === "main" && now.elapsed_ms > last.elapsed_ms) {
        const rate = (now.answered - last.answered) * 1000 / (now.elapsed_ms - last.elapsed_ms);
        points.push([now.stage_ms, rate]);
        place.rate.textContent = thousands(rate);
      }
      if (now.fault) {
        const open = last && last.fault === now.fault && last.faults === now.faults && bands[bands.length - 1];
        if (open) open[1] = now.stage_ms; else bands.push([now.stage_ms, now.stage_ms]);
      }
      place.bar.value = now.length_ms ? Math.min(1, now.stage_ms / now.length_ms) : 0;
    } else {
      place.rate.textContent = "–";
    }
    last = now;
  };
  let drawing = false;
  let over = null;
  const show = () => {
    drawing = false;
    const seconds = Math.floor((last.stage === "main" ? last.stage_ms : last.elapsed_ms) / 1000);
    place.elapsed.textContent = seconds + (last.stage === "main" && last.length_ms ? " of " + Math.round(last.length_ms / 1000) : "") + " s";
    for (const name of ["answered", "failed", "unknown"]) place[name].textContent = thousands(last[name]);
    place.faults.textContent = last.faults + " of " + last.faults_planned;
    place.fault.textContent = over || (last.stage === "main" ? (last.fault ? "Fault " + last.faults + ": " + last.fault : "No fault at the moment.")
      : "Stage: " + (stages[last.stage] || last.stage) + ".");
    draw();
  };
  const events = new EventSource(section.dataset.events);
  events.addEventListener("progress", event => {
    add(JSON.parse(event.data));
    // Many events come at once when the page opens; they are drawn together.
    if (!drawing) { drawing = true; requestAnimationFrame(show); }
  });
  events.addEventListener("verdict", () => { events.close(); location.reload(); });
  events.addEventListener("ended", event => {
    events.close();
    // The last progress may come with this, and be drawn after it.
    over = "The run has ended without a verdict: " + JSON.parse(event.data).why;
    place.fault.textContent = over;
  });
}

const runs = document.getElementById("runs");
const filter = document.getElementById("filter");
if (runs && filter) list(filter, runs);
const section = document.getElementById("live");
if (section) live(section);
