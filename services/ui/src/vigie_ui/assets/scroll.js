// On a phone the verdict is below the box: bring it into view, once, without taking the focus away.
let shown = 0;

export default function ({ data }) {
  if (data.turn === shown) return;
  shown = data.turn;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  requestAnimationFrame(() => {
    document.querySelector(data.target)?.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  });
}
