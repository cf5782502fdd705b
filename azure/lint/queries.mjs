// Parses and analyses the KQL files that are named on the command line, against the tables of Application Insights
// that they use. Exit 1 at an unknown name, a wrong type or a syntax error.
// Columns: https://learn.microsoft.com/azure/azure-monitor/app/data-model-complete
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");
const { KustoCode, GlobalState, Symbols } = globalThis.Kusto.Language;

const COMMON = "timestamp: datetime, operation_Id: string, cloud_RoleName: string, cloud_RoleInstance: string, customDimensions: dynamic, itemCount: int, itemType: string";
const TABLES = {
  customEvents: `(${COMMON}, name: string, customMeasurements: dynamic)`,
  customMetrics: `(${COMMON}, name: string, value: real, valueCount: int, valueSum: real, valueMin: real, valueMax: real)`,
  requests: `(${COMMON}, id: string, name: string, url: string, success: string, resultCode: string, duration: real, performanceBucket: string)`,
  dependencies: `(${COMMON}, id: string, target: string, type: string, name: string, success: string, resultCode: string, duration: real)`,
  exceptions: `(${COMMON}, problemId: string, type: string, method: string, outerMessage: string)`,
};

const tables = Object.entries(TABLES).map(([name, schema]) => Symbols.TableSymbol.From(schema).WithName(name));
const database = new Symbols.DatabaseSymbol.ctor("ApplicationInsights", tables);
const globals = GlobalState.Default.WithDatabase(database);

const files = process.argv.slice(2);
let found = 0;
for (const file of files) {
  const text = readFileSync(file, "utf8");
  const diagnostics = KustoCode.ParseAndAnalyze(text, globals).GetDiagnostics();
  for (let at = 0; at < diagnostics.Count; at += 1) {
    const fault = diagnostics.getItem(at);
    const line = text.slice(0, fault.Start).split("\n").length;
    found += 1;
    console.error(`${file}:${line}: ${fault.Message}`);
  }
}
console.log(`kql: ${files.length} queries, ${found} findings`);
process.exit(found || !files.length ? 1 : 0);
