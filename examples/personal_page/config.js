// Where the API is; it has to name this page's origin in ESCARD_CORS_ORIGINS.
"use strict";
const API = "http://127.0.0.1:8000";
