# Everything there is to run, by name. Parallelism is cargo's own.
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo demo-etcd test lint laws fmt setup ci

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## Build, start a server, and walk through the main job
	@# in the dev profile, which optimises dependencies: the tour takes seconds either way, and a release build minutes
	@scripts/demo.sh

demo-etcd: ## The same on three etcd with two of each service, while some of them crash
	@scripts/setup.sh demo-etcd
	@scripts/demo-etcd.sh

test: ## Run every test
	@scripts/setup.sh test
	@scripts/test.sh

lint: ## Check form, lints, the contract and the laws
	@scripts/setup.sh lint
	@scripts/lint.sh

laws: setup ## Check the laws of the house alone
	@scripts/test.sh --package reeve-laws

fmt: ## Put the form right
	cargo fmt --all

setup: ## Install what building needs and the machine lacks
	@scripts/setup.sh

ci: ## Run what the CI runs
	@.ci/run
