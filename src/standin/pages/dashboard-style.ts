/** Style of the dashboard: one dark theme, everything in rem, and the rem follows the screen, so 1080p and 4K look alike. */
export const dashboardStyle = `
*{box-sizing:border-box}
:root{--bg:#0b1322;--card:#121c2b;--edge:#1f2b3c;--text:#e4ebf2;--dim:#8797a8;--faint:#55657a;--cyan:#4cc2ff;--violet:#9d8cff;--amber:#ffb454;--green:#4fd6a0;--red:#ff6470}
html{font-size:min(100vw / 120,100vh / 67.5);height:100%}
body{margin:0;height:100%;overflow:hidden;background:var(--bg);color:var(--text);font:1rem/1.35 system-ui,"DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums;display:flex;flex-direction:column}
small{display:block;font-size:.68rem;color:var(--dim);letter-spacing:.02em}
em{font-style:normal;color:var(--dim)}
#strip{position:fixed;display:flex;z-index:9}
.bar{padding:calc(20px + .55rem) 1.1rem .55rem;display:flex;align-items:center;gap:1.5rem;background:#0e1828;border-bottom:1px solid var(--edge);white-space:nowrap}
.bar b{font-size:1.15rem;margin-left:-.8rem}
.mark{width:1.6rem;height:1.6rem;border-radius:.4rem;background:linear-gradient(135deg,var(--cyan),#7a6cff)}
.crumb{color:var(--dim)}
.crumb::before{content:"/";margin-right:1.5rem;color:var(--faint)}
.crumb:empty{display:none}
.crumb.name{color:var(--text);font-weight:600}
.grow{flex:1}
.fact{font-size:.92rem;line-height:1.25}
.fact.soon #left{color:var(--amber)}
#clock{font-size:1.75rem;font-weight:600;min-width:8.6rem;text-align:right;letter-spacing:.01em;contain:content}
.grid{flex:1;min-height:0;padding:1rem 1.1rem 1.1rem;display:grid;gap:.9rem;grid-template-columns:repeat(60,1fr);grid-template-rows:1.05fr 2.3fr 2.3fr}
.card{min-width:0;min-height:0;background:var(--card);border:1px solid var(--edge);border-radius:.55rem;padding:.8rem 1rem;display:flex;flex-direction:column;position:relative;overflow:hidden;contain:strict}
.card h2{margin:0 0 .35rem;font-size:.92rem;font-weight:600;color:#b9c6d3;display:flex;gap:1rem;align-items:baseline;white-space:nowrap}
.card h2 span{font-weight:400;font-size:.8rem;color:var(--dim)}
.card h2 .legend{margin-left:auto;display:flex;gap:.95rem}
.legend i{display:inline-block;width:.75rem;height:.22rem;border-radius:.1rem;margin-right:.4rem;vertical-align:.22rem}
.k{grid-column:span 12}.latency{grid-column:span 26}.traffic{grid-column:span 20}.alarms{grid-column:span 14}
.queues{grid-column:span 13}.cpu{grid-column:span 18}.gauges{grid-column:span 9}.log{grid-column:span 20}
canvas{flex:1;min-height:0;width:100%;display:block}
.k{flex-direction:row;align-items:stretch;gap:1rem}
.k .figure{display:flex;flex-direction:column;justify-content:space-between;min-width:9.4rem}
.k .value{font-size:2.65rem;font-weight:600;line-height:1;letter-spacing:-.02em;white-space:nowrap}
.k .value u{text-decoration:none;font-size:1.1rem;color:var(--dim);margin-left:.3rem;font-weight:400;letter-spacing:0}
.delta{font-size:.85rem;color:var(--dim);white-space:nowrap}
.delta b{font-weight:600;color:var(--green)}
.delta.bad b{color:var(--red)}
.k canvas{width:auto;min-width:0}
.alarms ul{list-style:none;margin:0;padding:0;flex:1;display:grid;grid-template-columns:repeat(3,1fr);gap:.4rem;min-height:0}
.alarms li{border-radius:.35rem;padding:0 .6rem;display:flex;align-items:center;gap:.5rem;font-size:.82rem;background:#13251f;color:#a9dcc6;min-width:0;white-space:nowrap;overflow:hidden}
.alarms li::before{content:"";width:.5rem;height:.5rem;border-radius:50%;background:var(--green);flex:none}
.alarms li.alarm{background:#3a161c;color:#ffc2c6}.alarms li.alarm::before{background:var(--red)}
.alarms li.unknown{background:#1b2430;color:#9fb0c1}.alarms li.unknown::before{background:var(--faint)}
.queues ul{list-style:none;margin:0;padding:0;flex:1;display:flex;flex-direction:column;justify-content:space-around}
.queues li{display:grid;grid-template-columns:4.6rem 1fr 2.8rem;gap:.7rem;align-items:center;font-size:.88rem}
.queues li span:last-child{text-align:right;color:var(--text)}
.queues li span:first-child{color:var(--dim)}
.queues .track{height:.85rem;border-radius:.25rem;background:#1c283a}
.queues .track i{display:block;height:100%;border-radius:.25rem;background:linear-gradient(90deg,#2f7fd0,var(--cyan))}
.queues .track i.high{background:linear-gradient(90deg,#c9822d,var(--amber))}
.gauges div{flex:1;min-height:0;display:flex;align-items:center;gap:.9rem}
.gauges svg{height:100%;max-height:6.6rem;flex:none;aspect-ratio:1}
.gauges p{margin:0;font-size:.84rem;color:var(--dim);line-height:1.3}
.log table{width:100%;border-collapse:collapse;font:.84rem/1 ui-monospace,"DejaVu Sans Mono",monospace;flex:1;table-layout:fixed}
.log td{padding:0 .6rem 0 0;white-space:nowrap;overflow:hidden;text-overflow:ellipsis;border-top:1px solid #1b2738;height:7%}
.log td:first-child{width:6.2rem;color:var(--dim)}.log td:nth-child(2){width:4rem}.log td:nth-child(3){width:6rem;color:#a6b6c7}
.log .WARN td:nth-child(2){color:var(--amber)}.log .ERROR td:nth-child(2){color:var(--red)}.log .INFO td:nth-child(2){color:var(--green)}
.log .ERROR{background:#26151b}
.refused{flex:1;display:flex;align-items:center;justify-content:center;text-align:center;color:var(--dim);font-size:.9rem;padding:0 2rem;overflow-wrap:anywhere}
.skeleton::before,.skeleton::after{content:"";display:block;height:.8rem;border-radius:.3rem;background:#1b2738}
.skeleton::before{width:34%;margin-bottom:.9rem}.skeleton::after{flex:1;background:#172232}
.k.skeleton{flex-direction:column}
.note{grid-column:1/-1;grid-row:1/-1;place-self:center;text-align:center;max-width:52rem}
.note .sign{width:5rem;height:5rem;margin:0 auto 1.6rem;border-radius:50%;border:.3rem solid var(--edge);display:grid;place-items:center;font-size:2.6rem;font-weight:600;color:var(--amber)}
.note h1{margin:0 0 .7rem;font-size:2.1rem;font-weight:600}
.note p{margin:0 auto;color:var(--dim);font-size:1.1rem;overflow-wrap:anywhere}
.note ul{margin:1.6rem auto 0;padding:0;list-style:none;text-align:left;width:26rem}
.note li{border-top:1px solid var(--edge)}
.note a{display:block;padding:.7rem .2rem;color:var(--cyan);text-decoration:none;font-size:1.1rem}
#ended{position:fixed;inset:0;display:grid;place-items:center;background:rgba(6,10,15,.78)}
#ended div{background:#182230;border:1px solid #2c3b4d;border-radius:.7rem;padding:2rem 2.6rem;max-width:34rem}
#ended h1{font-size:1.5rem;margin:0 0 .6rem}#ended p{margin:0 0 1.4rem;color:var(--dim)}#ended a{color:var(--cyan)}
`;
