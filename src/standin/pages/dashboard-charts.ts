/** The part of the dashboard's script that draws on canvases. It uses `latest`, `COLOURS` and `time` of the rest. */
export const dashboardCharts = String.raw`function prepare(canvas) {
  const ratio = devicePixelRatio || 1;
  const { clientWidth: w, clientHeight: h } = canvas;
  if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
    canvas.width = Math.round(w * ratio);
    canvas.height = Math.round(h * ratio);
  }
  const g = canvas.getContext('2d');
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, w, h);
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return { g, w, h, rem };
}

function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.2, 1.6, 2, 2.4, 2.8, 3.2, 4, 4.8, 6, 8, 10].map((f) => f * power).find((v) => v >= value);
}

/** Grid and axes; returns the functions that place a point. */
function axes({ g, w, h, rem }, top, count, unit) {
  const left = 2.9 * rem;
  const bottom = h - 1.4 * rem;
  const head = 0.5 * rem;
  const x = (i) => left + ((w - left - 0.2 * rem) * i) / (count - 1);
  const y = (v) => bottom - ((bottom - head) * v) / top;
  g.font = 0.72 * rem + 'px system-ui, "DejaVu Sans", sans-serif';
  g.lineWidth = Math.max(1, 0.06 * rem);
  g.textBaseline = 'middle';
  g.textAlign = 'right';
  for (let i = 0; i <= 4; i++) {
    const v = (top * i) / 4;
    g.strokeStyle = i ? '#1f2b3c' : '#2e3c50';
    g.beginPath();
    g.moveTo(left, y(v));
    g.lineTo(w, y(v));
    g.stroke();
    g.fillStyle = '#75869a';
    g.fillText((v >= 1000 ? v / 1000 + 'k' : Number(v.toFixed(1))) + unit, left - 0.5 * rem, y(v));
  }
  g.textAlign = 'center';
  const first = latest.endsAt - (count - 1) * latest.stepSeconds * 1000;
  for (let t = Math.ceil(first / 180000) * 180000; t <= latest.endsAt; t += 180000) {
    const at = x((t - first) / (latest.stepSeconds * 1000));
    if (at > left + rem && at < w - 1.5 * rem) g.fillText(time(new Date(t)).slice(0, 5), at, bottom + 0.85 * rem);
  }
  return { x, y, bottom };
}

function path(g, values, x, y) {
  values.forEach((v, i) => (i ? g.lineTo(x(i), y(v)) : g.moveTo(x(i), y(v))));
}

function lines(canvas, series, unit, full) {
  const frame = prepare(canvas);
  const { g, rem } = frame;
  const top = full ?? niceCeiling(Math.max(...series.flatMap((s) => s.values)) * 1.06);
  const { x, y, bottom } = axes(frame, top, series[0].values.length, unit);
  g.lineJoin = 'round';
  series.forEach((s, n) => {
    g.strokeStyle = COLOURS[n];
    g.lineWidth = 0.12 * rem;
    g.beginPath();
    path(g, s.values, x, y);
    g.stroke();
    g.lineTo(x(s.values.length - 1), bottom);
    g.lineTo(x(0), bottom);
    g.fillStyle = COLOURS[n] + '12';
    g.fill();
    g.beginPath();
    g.arc(x(s.values.length - 1), y(s.values.at(-1)), 0.2 * rem, 0, 7);
    g.fillStyle = COLOURS[n];
    g.fill();
  });
}

function stacked(canvas, series, unit) {
  const frame = prepare(canvas);
  const { g, rem } = frame;
  const count = series[0].values.length;
  const floors = [Array(count).fill(0)];
  for (const s of series) floors.push(s.values.map((v, i) => v + floors.at(-1)[i]));
  const top = niceCeiling(Math.max(...floors.at(-1)) * 1.04);
  const { x, y } = axes(frame, top, count, unit);
  for (let n = series.length; n > 0; n--) {
    g.beginPath();
    path(g, floors[n], x, y);
    for (let i = count - 1; i >= 0; i--) g.lineTo(x(i), y(floors[n - 1][i]));
    g.closePath();
    g.fillStyle = COLOURS[series.length - n] + '66';
    g.fill();
    g.beginPath();
    path(g, floors[n], x, y);
    g.strokeStyle = COLOURS[series.length - n];
    g.lineWidth = 0.1 * rem;
    g.stroke();
  }
}

function spark(canvas, values, colour) {
  const { g, w, h, rem } = prepare(canvas);
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const x = (i) => ((w - 0.3 * rem) * i) / (values.length - 1);
  const y = (v) => h - 0.3 * rem - ((h - 0.8 * rem) * (v - low)) / span;
  g.beginPath();
  path(g, values, x, y);
  g.strokeStyle = colour;
  g.lineWidth = 0.12 * rem;
  g.lineJoin = 'round';
  g.stroke();
  g.lineTo(x(values.length - 1), h);
  g.lineTo(0, h);
  g.fillStyle = colour + '1c';
  g.fill();
}`;
