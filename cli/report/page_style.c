/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/report/page_style.c: how a page looks, on screens of either colour and
 * any width, and on paper.
 *
 * Colours of text have a contrast of 4.5 at least with what is behind them
 * (WCAG 2.1, 1.4.3); tests/golden/report.py computes it.
 */
#include "cli/report/page.h"

#define LIGHT								\
	"--bg:#fbfbfa;--fg:#1d2327;--mut:#5a646c;--line:#d9dee2;"	\
	"--card:#ffffff;--un:#12704e;--tr:#a8480f;--bad:#b3261e;"	\
	"--warn:#7a5600;--note:#2b5f9e;--code:#f2f4f5;"

#define DARK								\
	"--bg:#14181b;--fg:#e6eaed;--mut:#9dabb4;--line:#333c43;"	\
	"--card:#1b2125;--un:#4cc69a;--tr:#f0905a;--bad:#ff8a80;"	\
	"--warn:#e0b040;--note:#8ab8f5;--code:#232b30;"

#define SVG								\
	"svg rect{fill:var(--card);stroke:var(--line);stroke-width:1.5}\n" \
	"svg rect.idle{stroke-dasharray:5 4}\n"				\
	"svg text{fill:var(--fg);font:13px system-ui,\"DejaVu Sans\",sans-serif;text-anchor:middle}\n" \
	"svg text.title{font-weight:600;font-size:15px}\n"		\
	"svg text.mut{fill:var(--mut)}\n"				\
	"svg text.un{fill:var(--un);font-weight:600}\n"			\
	"svg text.tr{fill:var(--tr);font-weight:600}\n"			\
	"svg path{fill:none;stroke-width:6;stroke-opacity:.6}\n"	\
	"svg path.un{stroke:var(--un)}\n"				\
	"svg path.tr{stroke:var(--tr)}\n"				\
	"svg path.head{stroke:none}\n"					\
	"svg path.un.head{fill:var(--un)}\n"				\
	"svg path.tr.head{fill:var(--tr)}\n"				\
	"svg path.none{stroke:var(--line);stroke-width:2;stroke-opacity:1;stroke-dasharray:5 4}\n"

const char page_svg_style[] =
"svg{" LIGHT "}\n"
"@media(prefers-color-scheme:dark){svg{" DARK "}}\n"
SVG
"svg rect.page{fill:var(--bg);stroke:none}\n";

const char page_style[] =
":root{color-scheme:light dark;" LIGHT "}\n"
"@media(prefers-color-scheme:dark){:root{" DARK "}}\n"
"*{box-sizing:border-box}\n"
"html{-webkit-text-size-adjust:100%}\n"
"body{margin:0 auto;max-width:1064px;padding:32px;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,\"DejaVu Sans\",sans-serif;overflow-wrap:anywhere}\n"
"h1{font-size:24px;line-height:1.25;margin:0}\n"
"h2{font-size:18px;line-height:1.3;margin:40px 0 12px}\n"
"p{margin:8px 0}\n"
"header p,.mut,figcaption,footer,.unknown{color:var(--mut)}\n"
".unknown{font-style:italic}\n"
".good{color:var(--un)}\n"
".bad{color:var(--bad)}\n"
"code,pre{font-family:ui-monospace,\"DejaVu Sans Mono\",monospace;font-size:13px}\n"
"code{background:var(--code);border-radius:4px;padding:1px 4px}\n"
"pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 14px;margin:8px 0;white-space:pre-wrap}\n"
".figures{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;list-style:none;margin:24px 0 0;padding:0}\n"
".figures li{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px 16px}\n"
".figures b{display:block;font-size:26px;line-height:1.25;font-weight:600;font-variant-numeric:tabular-nums}\n"
".figures span{color:var(--mut);font-size:13px;line-height:1.35;display:block;margin-top:2px}\n"
"figure{margin:0}\n"
"figcaption{font-size:13px;margin-top:4px}\n"
"svg{width:100%;height:auto;display:block}\n"
"svg.narrow{display:none;max-width:340px;margin:0 auto}\n"
SVG
".items,.plain{list-style:none;margin:0;padding:0}\n"
".items li{background:var(--card);border:1px solid var(--line);border-left:4px solid var(--note);border-radius:0 8px 8px 0;padding:10px 16px;margin:8px 0}\n"
".items li.error{border-left-color:var(--bad)}\n"
".items li.warning{border-left-color:var(--warn)}\n"
".plain{margin-bottom:12px}\n"
".items b{font-weight:600}\n"
".items p{margin:4px 0 0;white-space:pre-line}\n"
".id{float:right;margin-left:12px;color:var(--mut);font:12px/1.8 ui-monospace,\"DejaVu Sans Mono\",monospace}\n"
"table{border-collapse:separate;border-spacing:0;width:100%;background:var(--card);border:1px solid var(--line);border-radius:8px;overflow:hidden}\n"
"caption{text-align:left;color:var(--mut);font-size:13px;padding:0 0 6px}\n"
"th,td{padding:8px 12px;text-align:left;vertical-align:top;font-weight:400;border-top:1px solid var(--line)}\n"
"thead th{border-top:0;font-weight:600;color:var(--mut);font-size:13px;white-space:nowrap}\n"
"td{white-space:pre-line}\n"
".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
"tbody th.n{text-align:left}\n"
"tbody .m{font-family:ui-monospace,\"DejaVu Sans Mono\",monospace;font-size:13px}\n"
"th span,td span.mut{display:block;font-size:13px}\n"
"pre span{display:block;padding-left:2ch;text-indent:-2ch}\n"
".add{color:var(--un)}\n"
".del{color:var(--bad)}\n"
".chg{color:var(--warn)}\n"
"details{margin:8px 0}\n"
"summary{cursor:pointer;color:var(--note)}\n"
":focus-visible{outline:2px solid var(--note);outline-offset:2px}\n"
"footer{margin-top:48px;border-top:1px solid var(--line);padding-top:8px;font-size:13px}\n"
"@media screen and (max-width:760px){\n"
".figures{grid-template-columns:repeat(2,1fr)}\n"
"body{padding:20px 14px}\n"
"svg.wide{display:none}\n"
"svg.narrow{display:block}\n"
"table,tbody,tr,th,td{display:block}\n"
"caption{display:block;padding:10px 14px 0}\n"
"thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}\n"
"tr{padding:10px 0;border-top:1px solid var(--line)}\n"
"tbody tr:first-child{border-top:0}\n"
"th,td{border:0;padding:3px 14px}\n"
"td{position:relative;padding-left:9.5em}\n"
"td::before{content:attr(data-label);position:absolute;left:14px;width:8em;color:var(--mut);font-size:13px}\n"
".n{text-align:left;white-space:normal}\n"
"}\n"
"@media screen and (max-width:400px){.figures{gap:8px}.figures li{padding:10px 12px}.figures b{font-size:22px}}\n"
"@media print{\n"
":root{" LIGHT "--bg:#ffffff}\n"
"@page{margin:14mm}\n"
"body{max-width:none;padding:0 1px;font-size:12px}\n"
"code,pre,tbody .m,.figures span,figcaption,caption,thead th,th span,td span.mut,footer{font-size:11px}\n"
".figures b{font-size:20px}\n"
"th,td{padding:5px 8px}\n"
"h2{break-after:avoid;margin-top:24px}\n"
".figures li,.items li,tr,figure{break-inside:avoid}\n"
"thead{display:table-header-group}\n"
"details::details-content{content-visibility:visible;display:block}\n"
"*{print-color-adjust:exact;-webkit-print-color-adjust:exact}\n"
"}\n";
