// Put into the page before anything of it runs: what it feels like, as the browser counts it.
window.felt = { lcp: 0, cls: 0, inp: 0, frames: [] };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) felt.lcp = entry.startTime;
}).observe({ type: "largest-contentful-paint", buffered: true });
// The worst burst of shifts, as web.dev defines it: gaps under 1 s, 5 s at most.
let burst = { start: 0, end: 0, sum: 0 };
new PerformanceObserver((list) => {
  for (const { startTime, value, hadRecentInput } of list.getEntries()) {
    if (hadRecentInput) continue;
    const goesOn = startTime - burst.end < 1000 && startTime - burst.start < 5000;
    if (!goesOn) burst = { start: startTime, end: startTime, sum: 0 };
    burst.end = startTime;
    burst.sum += value;
    felt.cls = Math.max(felt.cls, burst.sum);
  }
}).observe({ type: "layout-shift", buffered: true });
// Fewer than 50 interactions are made, so that the worst one counts.
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    if (entry.interactionId) felt.inp = Math.max(felt.inp, entry.duration);
}).observe({ type: "event", durationThreshold: 16, buffered: true });
// Scrolls at an even pace, from top to bottom, and keeps the time of every frame.
window.scrollThrough = (pixelsAFrame) =>
  new Promise((done) => {
    const times = [];
    const frame = (time) => {
      times.push(time);
      const before = scrollY;
      scrollBy(0, pixelsAFrame);
      if (scrollY > before) requestAnimationFrame(frame);
      else done(times.slice(1).map((each, index) => each - times[index]));
    };
    requestAnimationFrame(frame);
  });
