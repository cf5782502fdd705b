// What Streamlit writes in English whatever the page: the document's language, and the link that keyboards meet first.
export default function ({ data }) {
  document.documentElement.lang = data.language;
  const skip = document.querySelector('[data-testid="stSkipToContent"]');
  if (skip) skip.textContent = data.skip;
}
