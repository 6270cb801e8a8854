// entry.js -> ../../src/merx/report/vendor/{echarts.min.js, VERSION, LICENSE-echarts}
import { build } from "esbuild";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const vendor = join(here, "../../src/merx/report/vendor");
const file = (name) => join(here, "node_modules", name);
const version = (name) => JSON.parse(readFileSync(file(`${name}/package.json`), "utf8")).version;

const entry = readFileSync(join(here, "entry.js"), "utf8");
const names = entry
  .slice(entry.indexOf("core.use([") + 10, entry.indexOf("]);"))
  .split(",")
  .map((name) => name.trim())
  .filter(Boolean);

// Two modules that every ECharts build carries and merx never uses: its own dark theme (colours come from
// CSS variables) and the Chinese texts of a toolbox that is not built in.
const unused = {
  name: "leave-out-unused",
  setup(pipeline) {
    pipeline.onLoad({ filter: /echarts[\\/]lib[\\/](theme[\\/]dark|i18n[\\/]langZH)\.js$/ }, () => ({
      contents: "export default {};",
    }));
  },
};

const out = join(vendor, "echarts.min.js");
await build({
  entryPoints: [join(here, "entry.js")],
  outfile: out,
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "echarts",
  target: "es2019",
  charset: "ascii", // the file is inlined: no byte of it may depend on the page's encoding
  legalComments: "none",
  plugins: [unused],
  define: { "process.env.NODE_ENV": '"production"' },
  banner: { js: `/* Apache ECharts ${version("echarts")}, Apache-2.0; see LICENSE-echarts beside this file */` },
});

// `</script` and `<!--` would end or confuse the script element that holds the file.
const text = readFileSync(out, "utf8");
if (/<\/script|<!--/i.test(text)) throw new Error("the bundle holds '</script' or '<!--' and cannot be inlined");

writeFileSync(
  join(vendor, "VERSION"),
  `echarts ${version("echarts")}\nzrender ${version("zrender")}\nesbuild ${version("esbuild")}\n` +
    `parts ${names.join(" ")}\n`,
);
const licence = readFileSync(file("echarts/LICENSE"), "utf8").trimEnd();
const notice = readFileSync(file("echarts/NOTICE"), "utf8").trim();
const zrender = readFileSync(file("zrender/LICENSE"), "utf8").trim();
const rule = "=".repeat(80);
writeFileSync(
  join(vendor, "LICENSE-echarts"),
  `${licence}\n\n${rule}\nNOTICE of Apache ECharts\n${rule}\n\n${notice}\n\n` +
    `${rule}\nzrender, contained in the same file\n${rule}\n\n${zrender}\n`,
);
console.log(`${out}: ${statSync(out).size} bytes, echarts ${version("echarts")}`);
