/** The one style sheet of a report, light and dark. No fonts, no pictures, no network. */
export const style = `
:root { color-scheme: light dark; --bg: #fff; --fg: #1c2024; --soft: #60646c; --line: #e2e4e8; --card: #f6f7f9;
  --c1: #2563eb; --c2: #d97706; --c3: #059669; --c4: #9333ea; --good: #18794e; --bad: #c62a2f; --heat: 37, 99, 235; }
@media (prefers-color-scheme: dark) { :root { --bg: #111315; --fg: #edeef0; --soft: #a0a6ae; --line: #2b2f35;
  --card: #1a1d20; --c1: #7aa2ff; --c2: #f5b555; --c3: #4cc38a; --c4: #c79bff; --good: #4cc38a; --bad: #ff8589;
  --heat: 122, 162, 255; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1020px; padding: 32px 20px 64px; background: var(--bg); color: var(--fg);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0; line-height: 1.2; }
h2 { font-size: 17px; margin: 40px 0 12px; padding-bottom: 6px; border-bottom: 1px solid var(--line); }
p { margin: 8px 0; } .soft, figcaption, th, .tick { color: var(--soft); }
.state { font-size: 13px; font-weight: 600; padding: 2px 10px; border-radius: 99px; background: var(--card);
  vertical-align: 5px; margin-left: 10px; } .state.good { color: var(--good); } .state.bad { color: var(--bad); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0; }
.card { background: var(--card); border-radius: 8px; padding: 10px 14px; } .card b { display: block; font-size: 20px;
  font-weight: 600; } .card span { font-size: 13px; color: var(--soft); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 20px; }
figure { margin: 0; } figcaption { font-size: 13px; display: flex; justify-content: space-between; gap: 12px; }
svg { width: 100%; height: auto; display: block; } .grid { stroke: var(--line); } .tick { font-size: 11px; fill: var(--soft); }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; } .faint { opacity: .35; } .line.faint { stroke-width: 1; }
path.c1 { stroke: var(--c1); } path.c2 { stroke: var(--c2); } path.c3 { stroke: var(--c3); } path.c4 { stroke: var(--c4); }
circle.c1, rect.c1 { fill: var(--c1); } circle.c2 { fill: var(--c2); } circle.c3 { fill: var(--c3); } circle.c4 { fill: var(--c4); }
circle.best { stroke: var(--bg); stroke-width: 1.5; }
.key { margin-left: 12px; white-space: nowrap; } .key::before { content: ''; display: inline-block; width: 12px; height: 3px;
  border-radius: 2px; margin-right: 5px; vertical-align: 3px; background: var(--key); }
.key.c1 { --key: var(--c1); } .key.c2 { --key: var(--c2); } .key.c3 { --key: var(--c3); } .key.c4 { --key: var(--c4); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th { font-weight: 500; text-align: left; } th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; } td.n, th.n { text-align: right; } .wide { width: 100%; } td.text { overflow-wrap: anywhere; }
.matrix td, .matrix th { border: 0; padding: 6px 10px; text-align: center; min-width: 44px; } .matrix th { font-size: 13px; }
.matrix th.row { text-align: right; } .matrix td { background: rgba(var(--heat), var(--share)); border-radius: 4px; }
.wrong { color: var(--bad); } pre { background: var(--card); border-radius: 8px; padding: 14px; overflow-x: auto;
  font: 12.5px/1.5 ui-monospace, monospace; margin: 8px 0; } details { margin: 8px 0; } summary { cursor: pointer; }
`;
