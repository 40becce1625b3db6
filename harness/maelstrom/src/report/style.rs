//! What the page needs beside the style sheets of reports and explanations.

pub(super) const STYLE: &str = "\
.kensho-verdict svg { width: auto; }\n\
.kensho-verdict > .verdict { display: none; }\n\
section section.kensho-verdict { border: 0; padding: 0; margin: 0; }\n\
.kensho-verdict article { box-shadow: none; padding: 0; border: 0; margin: 14px 0 26px; }\n\
.messages { overflow: auto; max-height: 80vh; }\n\
.messages svg { width: auto; max-width: none; }\n\
.messages .life { stroke: var(--line); stroke-width: 2; }\n\
.messages .name { text-anchor: middle; font-weight: 600; }\n\
.messages .way { stroke-width: 1.5; fill: none; }\n\
.messages .way.gone { stroke-dasharray: 4 3; }\n\
.messages text.gone { fill: var(--red); }\n\
.messages text { font-size: 11px; paint-order: stroke; stroke: var(--card); stroke-width: 3px; }\n\
.messages .at { fill: var(--soft); text-anchor: end; }\n\
.messages .c0 { stroke: var(--blue); } .messages .c1 { stroke: var(--green); }\n\
.messages .c2 { stroke: var(--violet); } .messages .c3 { stroke: var(--teal); }\n\
.messages .c4 { stroke: var(--orange); } .messages .c5 { stroke: var(--soft); }\n\
.messages g.message:hover .way { stroke-width: 3; }\n";
