// A stand-in for the model of a widget. `said` records what the view told it, `sent` its messages to Python;
// `tell(name, value)` and `hear` play Python.
const revive = (_, value) => (value && value.$bytes !== undefined
  ? new DataView(Uint8Array.from(atob(value.$bytes), (c) => c.charCodeAt(0)).buffer) : value);
const state = JSON.parse(document.getElementById("state").textContent, revive);
const listeners = {};
window.state = (name) => state[name];
window.said = [];
window.sent = [];
window.tell = (name, value) => { state[name] = value; for (const f of listeners["change:" + name] ?? []) f(); };
window.hear = (text) => { // a custom message, and its buffers
  const [message, buffers] = JSON.parse(text, revive);
  for (const f of listeners["msg:custom"] ?? []) f(message, buffers);
};
const model = {
  get: (name) => state[name],
  set(name, value) {
    window.said.push([name, value]);
    window.tell(name, value);
  },
  save_changes() { window.said.push(["saved"]); },
  on: (event, f) => { (listeners[event] ??= []).push(f); },
  off: (event, f) => { listeners[event] = (listeners[event] ?? []).filter((other) => other !== f); },
  send(message) { window.sent.push(message); },
};
window.listening = () => Object.values(listeners).flat().length;
const url = URL.createObjectURL(new Blob([document.getElementById("module").textContent], { type: "text/javascript" }));
const widget = (await import(url)).default;
window.leave = await widget.render({ model, el: document.getElementById("here") });
window.ready = true;
