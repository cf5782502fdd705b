// One key, one button: the key clicks the button that says the same, so that both always do the same thing.
const WRITING = 'input, textarea, select, [contenteditable="true"], [role="combobox"], [role="listbox"], [role="dialog"]';
const ITS_OWN = { Enter: "button, a, summary", ArrowLeft: '[role="radiogroup"], [role="radio"]', ArrowRight: '[role="radiogroup"], [role="radio"]' };

export default function ({ data }) {
  const press = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const target = Object.hasOwn(data.keys, key) ? data.keys[key] : null;
    if (!target || event.target.closest?.(WRITING) || event.target.closest?.(ITS_OWN[key] ?? ":not(*)")) return;
    // Before Streamlit hears it: its own keys clear the cache and run the page again.
    event.preventDefault();
    event.stopImmediatePropagation();
    // A key held down would judge what nobody has read.
    if (!event.repeat) document.querySelector(target)?.click();
  };
  window.addEventListener("keydown", press, true);
  document.body.dataset.keys = "on";
  return () => {
    window.removeEventListener("keydown", press, true);
    delete document.body.dataset.keys;
  };
}
