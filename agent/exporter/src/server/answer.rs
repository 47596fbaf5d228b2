//! What a request is answered with.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use hyper::{Method, Request, Response, StatusCode};

use crate::exposition::Form;
use crate::metric::{Style, page};
use crate::moment::Moment;
use crate::state::Shared;

const PLAIN: &str = "text/plain; charset=utf-8";
const START: &str = "<!doctype html><title>perfagent exporter</title><h1>perfagent exporter</h1>\
<p><a href=\"/metrics\">/metrics</a> for Prometheus, <a href=\"/healthz\">/healthz</a> for whoever restarts it</p>\n";

/// The answer: metrics from what is known, without asking anybody. hyper leaves the body of an answer to HEAD out.
pub(super) fn answer<B>(
    request: &Request<B>,
    shared: &Shared,
    style: &Style,
) -> Response<Full<Bytes>> {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let text = "only GET and HEAD are answered here; the metrics are at /metrics\n";
        let mut refused = response(StatusCode::METHOD_NOT_ALLOWED, PLAIN, text.to_owned());
        refused.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/metrics" => {
            let wishes = request.headers().get_all(ACCEPT).iter();
            let wishes: Vec<_> = wishes.filter_map(|wish| wish.to_str().ok()).collect();
            let form = Form::accepted(&wishes.join(","));
            let page = shared.change(|state| {
                state.scrapes += 1;
                page(state, style, Moment::now())
            });
            response(StatusCode::OK, form.content_type(), page.text(form))
        }
        "/" => response(StatusCode::OK, "text/html; charset=utf-8", START.to_owned()),
        // That the process answers is all that a restart could mend.
        "/healthz" => response(StatusCode::OK, PLAIN, "ok\n".to_owned()),
        _ => {
            let text = "there is nothing here; the metrics are at /metrics\n";
            response(StatusCode::NOT_FOUND, PLAIN, text.to_owned())
        }
    }
}

fn response(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, hyper::header::HeaderValue::from_static("no-store"));
    response
}
